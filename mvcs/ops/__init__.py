"""The verbs, one file each: values in, values out."""
