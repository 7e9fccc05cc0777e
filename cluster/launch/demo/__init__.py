"""What `up --demo` fills an empty installation with: films that Matinee draws and scores itself, and four profiles to watch them."""
