"""Charts as inline SVG: no script, no fonts, no files; colours come from the page and are never the only distinction.

A plot is stretched to the width available, and its labels are HTML around it, so that words keep their size on a phone.
Each line has a dash pattern of its own, for print and for readers who see colours differently.
"""
