"""The words of the product as plain frozen values: money, instants, commands, outcomes, refusals."""
