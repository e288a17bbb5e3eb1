variable "name" {
  description = "What it is called on AWS."
  type        = string
}

variable "archive" {
  description = "Where the zip with its `bootstrap` is, and its SHA-256 in base64."
  type        = object({ bucket = string, key = string, hash = string })
}

variable "architecture" {
  description = "What the zip was built for."
  type        = string
}

variable "memory" {
  description = "In MiB."
  type        = number
}

variable "timeout" {
  description = "In seconds."
  type        = number
}

variable "uses" {
  description = "The capabilities that its row names."
  type        = list(string)

  validation {
    condition = length(setsubtract(var.uses, keys(var.grants))) == 0
    error_message = format(
      "%s uses a capability that grants.tf does not know: %s. There are: %s.",
      var.name, join(", ", setsubtract(var.uses, keys(var.grants))), join(", ", keys(var.grants)),
    )
  }
}

variable "grants" {
  description = "Every capability there is: rights and environment."
  type = map(object({
    statements  = list(object({ actions = list(string), resources = list(string) }))
    environment = map(string)
  }))
}

variable "statements" {
  description = "Rights that come with its trigger."
  type        = list(object({ actions = list(string), resources = list(string) }))
  default     = []
}

variable "environment" {
  description = "Variables beside those of its capabilities."
  type        = map(string)
  default     = {}
}

variable "log_retention_days" {
  description = "How long its log is kept."
  type        = number
}
