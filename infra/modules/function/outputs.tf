output "arn" {
  description = "The alias: what routes, schedules, queues and state machines call."
  value       = aws_lambda_alias.live.arn
}

output "name" {
  description = "What it is called on AWS."
  value       = aws_lambda_function.this.function_name
}

output "alias" {
  description = "The alias's name."
  value       = aws_lambda_alias.live.name
}

output "log_group" {
  description = "Where it logs."
  value       = aws_cloudwatch_log_group.this.name
}

output "role" {
  description = "Its role, nobody else's."
  value       = aws_iam_role.this.name
}

output "policy" {
  description = "What it may do, as JSON."
  value       = aws_iam_role_policy.grants.policy
}

output "environment" {
  description = "Names of the variables it gets."
  value       = sort(nonsensitive(keys(aws_lambda_function.this.environment[0].variables)))
}
