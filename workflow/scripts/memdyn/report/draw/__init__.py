"""How figures are drawn: looks, layout, letters, numbers, and pieces that several sections share."""
