# What Cadre asks of an Auth0 tenant: docs/security/auth0.md, as Terraform. A root module of its own;
# leave it out if you set this by hand. Permissions and roles are read from the file that the product
# reads, and are nowhere else.
terraform {
  required_version = ">= 1.10"

  required_providers {
    auth0 = {
      source  = "auth0/auth0"
      version = "~> 1.14"
    }
  }
}

locals {
  access = jsondecode(file("${path.module}/../../functions/access/roles.json"))

  hour = 3600
  day  = 24 * local.hour
}

# ---- The tenant

resource "auth0_tenant" "this" {
  friendly_name         = var.name
  session_lifetime      = 7 * 24
  idle_session_lifetime = 3 * 24

  flags {
    enable_dynamic_client_registration   = false
    disable_clickjack_protection_headers = false
  }
}

resource "auth0_attack_protection" "this" {
  brute_force_protection {
    enabled      = true
    max_attempts = 10
    mode         = "count_per_identifier_and_ip"
    shields      = ["block", "user_notification"]
  }

  suspicious_ip_throttling {
    enabled = true
    shields = ["admin_notification", "block"]
  }

  breached_password_detection {
    enabled = true
    method  = "standard"
    shields = ["admin_notification", "block"]
  }
}

resource "auth0_guardian" "this" {
  policy = "all-applications"
  otp    = true

  webauthn_roaming {
    enabled           = true
    user_verification = "preferred"
  }

  webauthn_platform {
    enabled = true
  }

  phone {
    enabled = false
  }
}

resource "auth0_connection" "people" {
  name     = "${var.stage}-people"
  strategy = "auth0"

  options {
    password_policy        = "none"
    disable_signup         = true
    brute_force_protection = true

    password_complexity_options {
      min_length = 15
    }

    password_dictionary {
      enable     = true
      dictionary = [lower(var.name), "cadre"]
    }

    password_no_personal_info {
      enable = true
    }
  }
}

# ---- The API

resource "auth0_resource_server" "api" {
  name                   = var.name
  identifier             = var.audience
  signing_alg            = "RS256"
  enforce_policies       = true
  token_dialect          = "access_token_authz"
  token_lifetime         = 2 * local.hour
  token_lifetime_for_web = 600
  allow_offline_access   = true

  skip_consent_for_verifiable_first_party_clients = true
}

resource "auth0_resource_server_scopes" "api" {
  resource_server_identifier = auth0_resource_server.api.identifier

  dynamic "scopes" {
    for_each = local.access.permissions

    content {
      name        = scopes.key
      description = scopes.value
    }
  }
}

resource "auth0_role" "this" {
  for_each = local.access.roles

  name        = each.value.name
  description = each.value.description
}

resource "auth0_role_permissions" "this" {
  for_each = local.access.roles

  role_id = auth0_role.this[each.key].id

  dynamic "permissions" {
    for_each = each.value.permissions

    content {
      name                       = permissions.value
      resource_server_identifier = auth0_resource_server.api.identifier
    }
  }

  depends_on = [auth0_resource_server_scopes.api]
}

# ---- What was shown at sign-in, for step-up: Auth0 itself has it in ID tokens only

resource "auth0_action" "proof" {
  name    = "${var.stage}-proof"
  runtime = "node22"
  deploy  = true
  code    = file("${path.module}/proof.js")

  supported_triggers {
    id      = "post-login"
    version = "v3"
  }
}

resource "auth0_trigger_actions" "sign_in" {
  trigger = "post-login"

  actions {
    id           = auth0_action.proof.id
    display_name = auth0_action.proof.name
  }
}
