"""Feed-forward networks and feature transforms; they see tensors and features, and may use encoders."""
