# The clients: one for browsers (through Cadre's own server), one for terminals, one for each
# program, one for Cadre.

resource "auth0_client" "web" {
  name                = "${var.name} (web)"
  app_type            = "regular_web"
  is_first_party      = true
  oidc_conformant     = true
  grant_types         = ["authorization_code", "refresh_token"]
  callbacks           = ["${var.origin}/auth/callback"]
  allowed_logout_urls = ["${var.origin}/account"]

  organization_usage            = "require"
  organization_require_behavior = "pre_login_prompt"

  jwt_configuration {
    alg = "RS256"
  }

  refresh_token {
    rotation_type                = "rotating"
    expiration_type              = "expiring"
    leeway                       = 0
    token_lifetime               = 7 * local.day
    idle_token_lifetime          = 3 * local.day
    infinite_token_lifetime      = false
    infinite_idle_token_lifetime = false
  }
}

resource "auth0_client_credentials" "web" {
  client_id             = auth0_client.web.id
  authentication_method = "client_secret_post"
}

# People at a terminal (`cadre login`): no secret, so PKCE; the way back is their own machine.
resource "auth0_client" "terminal" {
  name            = "${var.name} (terminal)"
  app_type        = "native"
  is_first_party  = true
  oidc_conformant = true
  grant_types     = ["authorization_code"]
  callbacks       = ["http://127.0.0.1:8976/callback"]

  organization_usage            = "require"
  organization_require_behavior = "pre_login_prompt"

  jwt_configuration {
    alg = "RS256"
  }
}

resource "auth0_client_credentials" "terminal" {
  client_id             = auth0_client.terminal.id
  authentication_method = "none"
}

resource "auth0_connection_clients" "people" {
  connection_id   = auth0_connection.people.id
  enabled_clients = [auth0_client.web.id, auth0_client.terminal.id]
}

# A program is a client of its own with exactly the permissions that it needs.
resource "auth0_client" "machine" {
  for_each = var.machines

  name            = "${var.name} (${each.key})"
  app_type        = "non_interactive"
  is_first_party  = true
  oidc_conformant = true
  grant_types     = ["client_credentials"]

  jwt_configuration {
    alg = "RS256"
  }
}

resource "auth0_client_grant" "machine" {
  for_each = var.machines

  client_id          = auth0_client.machine[each.key].id
  audience           = auth0_resource_server.api.identifier
  scopes             = each.value
  organization_usage = "require"

  lifecycle {
    precondition {
      condition     = alltrue([for permission in each.value : contains(keys(local.access.permissions), permission)])
      error_message = "A machine is given a permission that is not in functions/access/roles.json."
    }
  }

  depends_on = [auth0_resource_server_scopes.api]
}

# Cadre itself, at the Management API: people, organizations and their members.
resource "auth0_client" "management" {
  name            = "${var.name} (management)"
  app_type        = "non_interactive"
  is_first_party  = true
  oidc_conformant = true
  grant_types     = ["client_credentials"]

  jwt_configuration {
    alg = "RS256"
  }
}

resource "auth0_client_grant" "management" {
  client_id = auth0_client.management.id
  audience  = "https://${var.domain}/api/v2/"

  scopes = [
    "create:users", "read:users", "update:users", "delete:users",
    "read:roles", "read:organizations",
    "read:organization_members", "create:organization_members", "delete:organization_members",
    "read:organization_member_roles", "create:organization_member_roles", "delete:organization_member_roles",
  ]
}
