"""`keyfuse demo`: the whole story on throwaway data, with real git, HTTP and mail."""

from keyfuse_webhook.demo.command import demo

__all__ = ["demo"]
