"""Finding the picture: starts, pyramid, evaluators, solvers and the loop."""
