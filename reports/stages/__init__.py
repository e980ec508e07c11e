"""The stages from pixels to hands, as any backend runs them."""
