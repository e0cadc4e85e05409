"""What joins the parts and keeps them well."""
