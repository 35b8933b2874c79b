"""Work in stages that a killed command resumes."""
