"""The stages from pixels to hands, and ties between their decisions."""
