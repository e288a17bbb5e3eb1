variable "stage" {
  description = "Which deployment this is, such as dev or prod: part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,11}$", var.stage))
    error_message = "stage is 1 to 12 lower-case letters and digits, a letter first."
  }
}

variable "region" {
  description = "The AWS region."
  type        = string
}

# ---- The code

variable "functions" {
  description = "The folder with the tables (functions/<domain>/functions.json) and state machines; without, the checkout's."
  type        = string
  default     = null
}

variable "archives" {
  description = "Where `cargo lambda build --release --output-format zip` left each function's zip; {function} stands for its name."
  type        = string
  default     = "../target/lambda/{function}/bootstrap.zip"
}

variable "architecture" {
  description = "What the zips were built for: arm64 (cheaper on AWS) or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "environment" {
  description = "Variables that every function gets beside those of its capabilities, such as AWS_ENDPOINT_URL for an emulator."
  type        = map(string)
  default     = {}
}

# ---- Operation

variable "log_level" {
  description = "What the functions log: error, warn, info, debug, or a tracing filter."
  type        = string
  default     = "info"
}

variable "log_retention_days" {
  description = "How long every log group keeps its lines."
  type        = number
  default     = 30
}

variable "requests_per_second" {
  description = "Steady limit of the API; bursts may be twice that."
  type        = number
  default     = 200
}

variable "cors_origins" {
  description = "Origins whose pages may call the API with credentials: exact, https. None by default."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "An origin is https://host or https://host:port, without path and without *."
  }
}

variable "keep_data" {
  description = "Whether the table refuses to be deleted."
  type        = bool
  default     = true
}

# ---- People: who issues tokens

variable "auth_issuer" {
  description = "The exact `iss` of access tokens; for Auth0 with the slash at its end."
  type        = string
}

variable "auth_audience" {
  description = "The API's identifier: the `aud` of access tokens."
  type        = string
}

variable "auth_jwks_url" {
  description = "The issuer's key set; empty: <issuer>/.well-known/jwks.json."
  type        = string
  default     = ""
}

variable "sign_in" {
  description = "The issuer's client that signs people in, and where their browsers reach this deployment: https://host."
  type = object({
    client_id  = string
    public_url = string
  })

  validation {
    condition     = can(regex("^https?://[^/]+$", var.sign_in.public_url))
    error_message = "sign_in.public_url is scheme and host, without a path."
  }
}

variable "sign_in_secret" {
  description = "The secret of that client."
  type        = string
  sensitive   = true
}

variable "session_key" {
  description = "What refresh tokens are sealed with: 32 random bytes as base64. To change it, put the new one in front and a comma between."
  type        = string
  sensitive   = true
}

variable "auth_clients" {
  description = "Client ids that may call: people's applications, machines, and applications to administer with. `*` is every client of the issuer."
  type = object({
    people   = optional(list(string), [])
    machines = optional(list(string), [])
    admin    = optional(list(string), [])
  })
}

variable "management" {
  description = "The issuer's Management API, which is told whom SCIM brings; `url` empty: nobody is. The rate is what the issuer's tenant allows."
  type = object({
    url        = optional(string, "")
    client_id  = optional(string, "")
    connection = optional(string, "Username-Password-Authentication")
    per_second = optional(number, 2)
    burst      = optional(number, 10)
  })
  default = {}
}

variable "management_client_secret" {
  description = "Of the machine client that calls the Management API."
  type        = string
  default     = ""
  sensitive   = true
}

variable "event_source" {
  description = "The issuer's partner event source in EventBridge, `aws.partner/auth0.com/…`, whose events go to the queue `directory-events`; empty: none."
  type        = string
  default     = ""
}

# ---- What lies outside: made elsewhere until the network and the databases move in here

variable "database_url" {
  description = "PostgreSQL as the app role, through RDS Proxy or PgBouncer in transaction mode."
  type        = string
  sensitive   = true
}

variable "migrate_database_url" {
  description = "PostgreSQL as the owner, past the pooler: for platform-migrate alone."
  type        = string
  sensitive   = true
}

variable "database_ca" {
  description = "PEM file, on the function's file system, that vouches for the database. Empty means no TLS: for loopback only."
  type        = string
}

variable "redis_url" {
  description = "Redis or Valkey: rediss://… for TLS."
  type        = string
  sensitive   = true
}

variable "redis" {
  description = "How Redis is laid out and who may in: `ca` is a PEM file on the function's file system, `sentinel` a master's name, `iam` ElastiCache's user and cache, instead of a password."
  type = object({
    ca       = optional(string)
    cluster  = optional(bool)
    sentinel = optional(string)
    iam      = optional(object({ user = string, cache = string, serverless = optional(bool, false) }))
  })
  default = {}
}

variable "model" {
  description = "The language model: an OpenAI-compatible endpoint, Bedrock, or extractive, which is none."
  type = object({
    provider        = string
    base_url        = optional(string, "")
    name            = optional(string, "")
    context_tokens  = optional(number, 8000)
    timeout_seconds = optional(number, 60)
    # Bedrock: the models and inference profiles that may be called.
    arns = optional(list(string), [])
  })

  validation {
    condition     = contains(["openai", "bedrock", "extractive"], var.model.provider)
    error_message = "model.provider is openai, bedrock or extractive."
  }

  validation {
    condition     = var.model.provider != "bedrock" || length(var.model.arns) > 0
    error_message = "model.arns must name the Bedrock models and inference profiles that functions may call."
  }
}

variable "model_api_key" {
  description = "Key of the OpenAI-compatible endpoint, if it wants one."
  type        = string
  default     = ""
  sensitive   = true
}
