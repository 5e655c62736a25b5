"""A command in, a durable answer out. `charge` is the page that shows the pipeline."""
