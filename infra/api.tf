# The HTTP API: a route for each row that has one, but for those that stream: a gateway answers when an
# answer is whole (streams.tf). The gateway asks nobody who they are: its
# authorizer reads tokens and neither API keys nor session cookies, and two judges of one question
# would one day disagree. The function is the authority (see ARCHITECTURE.md); the gateway ends TLS,
# throttles, and answers browsers' questions about origins.
locals {
  gateway_routes = { for name, row in local.routes : name => row if !contains(keys(local.streams), name) }
}

resource "aws_apigatewayv2_api" "this" {
  name          = local.prefix
  protocol_type = "HTTP"

  dynamic "cors_configuration" {
    for_each = length(var.cors_origins) > 0 ? [var.cors_origins] : []

    content {
      allow_origins     = cors_configuration.value
      allow_credentials = true
      allow_methods     = ["GET", "POST", "PUT", "PATCH", "DELETE"]
      allow_headers     = ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "last-event-id", "x-csrf-token"]
      expose_headers    = ["etag", "idempotent-replayed", "location", "ratelimit", "ratelimit-policy", "retry-after"]
      max_age           = 600
    }
  }
}

resource "aws_apigatewayv2_integration" "function" {
  for_each = local.gateway_routes

  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.function[each.key].arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "this" {
  for_each = local.gateway_routes

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.value.route
  target             = "integrations/${aws_apigatewayv2_integration.function[each.key].id}"
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "api" {
  for_each = local.gateway_routes

  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.key].name
  qualifier     = module.function[each.key].alias
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = var.requests_per_second
    throttling_burst_limit = var.requests_per_second * 2
  }

  # Never the query or a header: they may hold what logs must not.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      "request.id"     = "$context.requestId"
      "http.route"     = "$context.routeKey"
      "http.status"    = "$context.status"
      "duration_ms"    = "$context.responseLatency"
      "integration_ms" = "$context.integrationLatency"
      "error"          = "$context.error.message"
      "client.ip"      = "$context.identity.sourceIp"
    })
  }
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/apigateway/${local.prefix}"
  retention_in_days = var.log_retention_days
}
