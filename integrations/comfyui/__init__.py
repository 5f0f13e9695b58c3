"""ComfyUI: nodes that paint with the `impasto` command."""

from .nodes import comfy_entrypoint as comfy_entrypoint
