"""What people look at: overlays, figures, the mask inspector. Imported by chapters and the command line alone."""
