output "api_url" {
  description = "Where the API answers."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "stream_urls" {
  description = "Where each function that streams answers: the API's address for its route alone."
  value       = { for name, url in aws_lambda_function_url.stream : name => trimsuffix(url.function_url, "/") }
}

output "api_id" {
  description = "The API's id."
  value       = aws_apigatewayv2_api.this.id
}

output "functions" {
  description = "What each function is called on AWS."
  value       = { for name, function in module.function : name => function.name }
}

output "state_machines" {
  description = "ARN of each state machine."
  value       = { for name, machine in aws_sfn_state_machine.this : name => machine.arn }
}

output "table" {
  description = "Name of the DynamoDB table."
  value       = aws_dynamodb_table.this.name
}

output "dead_letters" {
  description = "URLs of the queues that should be empty."
  value       = concat([aws_sqs_queue.undelivered.url], [for queue in aws_sqs_queue.dead : queue.url])
}
