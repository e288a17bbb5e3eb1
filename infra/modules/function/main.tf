# One Lambda: its code, its own role with the rights of what it uses, its log, and the alias that
# everybody calls it by.
locals {
  granted = [for use in var.uses : var.grants[use]]

  statements = concat(
    flatten(local.granted[*].statements),
    var.statements,
    [
      { actions = ["logs:CreateLogStream", "logs:PutLogEvents"], resources = ["${aws_cloudwatch_log_group.this.arn}:*"] },
      # X-Ray has no resources to limit it to.
      { actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources = ["*"] },
    ],
  )
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  s3_bucket        = var.archive.bucket
  s3_key           = var.archive.key
  source_code_hash = var.archive.hash
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  handler          = "bootstrap"
  memory_size      = var.memory
  timeout          = var.timeout
  role             = aws_iam_role.this.arn
  publish          = true

  environment {
    variables = merge(concat(local.granted[*].environment, [var.environment])...)
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.grants]
}

# A version never changes; this name moves. To go back, point it at the version before.
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "this" {
  name = var.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "grants" {
  name = "grants"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for s in local.statements : { Effect = "Allow", Action = s.actions, Resource = s.resources }]
  })
}
