variable "name" {
  description = "What people see at sign-in."
  type        = string
  default     = "Cadre"
}

variable "stage" {
  description = "Which deployment this is: one Auth0 tenant for each."
  type        = string
}

variable "domain" {
  description = "The Auth0 tenant's own domain (not the custom one): the Management API is below it."
  type        = string
}

variable "audience" {
  description = "The API's identifier: the `aud` of access tokens, and Cadre's auth_audience."
  type        = string
}

variable "origin" {
  description = "Where Cadre is served, such as https://cadre.example.com."
  type        = string

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+$", var.origin))
    error_message = "origin is https://host, without path and without wildcard."
  }
}

variable "machines" {
  description = "Programs that call the API, each with the permissions it needs."
  type        = map(list(string))
  default     = {}
}
