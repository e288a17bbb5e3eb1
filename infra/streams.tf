# What streams has an address of its own: a function URL sends an answer bit by bit, which no HTTP API
# does. It asks nobody who they are, as the gateway does not: the function is the authority, and answers
# browsers' questions about origins by itself. Nothing throttles it but the function's own limits.
resource "aws_lambda_function_url" "stream" {
  for_each = local.streams

  function_name      = module.function[each.key].name
  qualifier          = module.function[each.key].alias
  authorization_type = "NONE"
  invoke_mode        = "RESPONSE_STREAM"
}

resource "aws_lambda_permission" "stream_url" {
  for_each = local.streams

  statement_id           = "stream-url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = module.function[each.key].name
  qualifier              = module.function[each.key].alias
  principal              = "*"
  function_url_auth_type = "NONE"
}

# Since October 2025 a call by URL needs the right to invoke, too. The provider cannot yet say "by URL
# only"; who invokes past the URL meets the same guard.
resource "aws_lambda_permission" "stream" {
  for_each = local.streams

  statement_id  = "stream"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.key].name
  qualifier     = module.function[each.key].alias
  principal     = "*"
}
