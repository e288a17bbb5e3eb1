# The HTTP API: a route for each row that has one. The gateway checks the token; which permission
# it needs is checked in the function, which also trusts nobody and verifies the token again.
resource "aws_apigatewayv2_api" "this" {
  name          = local.prefix
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_authorizer" "token" {
  api_id           = aws_apigatewayv2_api.this.id
  name             = "token"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.auth_issuer
    audience = [var.auth_audience]
  }
}

resource "aws_apigatewayv2_integration" "function" {
  for_each = local.routes

  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.function[each.key].arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "this" {
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.value.route
  target             = "integrations/${aws_apigatewayv2_integration.function[each.key].id}"
  authorization_type = contains(keys(local.guarded), each.key) ? "JWT" : "NONE"
  authorizer_id      = contains(keys(local.guarded), each.key) ? aws_apigatewayv2_authorizer.token.id : null
}

resource "aws_lambda_permission" "api" {
  for_each = local.routes

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
      "request.id"       = "$context.requestId"
      "http.route"       = "$context.routeKey"
      "http.status"      = "$context.status"
      "duration_ms"      = "$context.responseLatency"
      "integration_ms"   = "$context.integrationLatency"
      "authorizer.error" = "$context.authorizer.error"
      "error"            = "$context.error.message"
      "client.ip"        = "$context.identity.sourceIp"
    })
  }
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/apigateway/${local.prefix}"
  retention_in_days = var.log_retention_days
}
