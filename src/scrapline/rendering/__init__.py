"""The demo data: photographs of scrap on a conveyor belt, drawn instead of taken.

A picture is built as it would come about: lamps (`light`), the empty belt (`belt`), pieces of scrap with a relief and
a surface (`materials`, from the outlines, fields and prints that they share), and a camera (`camera`). `scene` puts
them together; `recipe` says how many of what.
"""

from scrapline.rendering.materials import MATERIALS
from scrapline.rendering.recipe import Recipe, load_recipe
from scrapline.rendering.scene import render, render_jpeg

__all__ = ["MATERIALS", "Recipe", "load_recipe", "render", "render_jpeg"]
