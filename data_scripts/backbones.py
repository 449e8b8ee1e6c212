"""Backbone weights (ImageNet; Mask R-CNN on COCO). README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "backbones", *sys.argv[1:]]))
