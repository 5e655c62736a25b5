"""What requests of an application mean: message -> command, outcome -> answer."""
