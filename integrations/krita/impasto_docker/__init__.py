"""Krita: a panel that paints the current layer with the `impasto` command."""

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from .docker import ImpastoDocker

Krita.instance().addDockWidgetFactory(
    DockWidgetFactory("impasto_docker", DockWidgetFactoryBase.DockRight, ImpastoDocker)
)
