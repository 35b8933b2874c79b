"""Charts as inline SVG: no script, no fonts, no files; colours are the page's, and never alone say what is what.

A plot is stretched to the width it finds, and its labels are HTML around it, so that words keep their size on a phone.
Each line has a dash pattern of its own, for print and for those who see colours differently.
"""
