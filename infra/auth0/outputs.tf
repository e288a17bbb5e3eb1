output "auth_audience" {
  description = "Cadre's auth_audience."
  value       = auth0_resource_server.api.identifier
}

output "web_client" {
  description = "The client id for sign-in; its secret is in Auth0."
  value       = auth0_client.web.id
}

output "terminal_client" {
  description = "The client id for `cadre login`; Cadre's auth_clients must name it among people."
  value       = auth0_client.terminal.id
}

output "management_client" {
  description = "The client id for provisioning; its secret is in Auth0."
  value       = auth0_client.management.id
}
