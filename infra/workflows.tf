# A state machine for each functions/<domain>/workflows/<name>.asl.json. Its holes, such as
# ${runs_plan}, are functions; it may call those it names and no other.
locals {
  workflows = {
    for file in fileset(local.root, "*/workflows/*.asl.json") :
    trimsuffix(basename(file), ".asl.json") => "${local.root}/${file}"
  }

  tasks = {
    for name, file in local.workflows :
    name => distinct([for hole in regexall("\\$\\{ *([a-z0-9_]+) *\\}", file(file)) : replace(hole[0], "_", "-")])
  }
}

resource "aws_sfn_state_machine" "this" {
  for_each = local.workflows

  name     = "${local.prefix}-${each.key}"
  role_arn = aws_iam_role.workflow[each.key].arn
  type     = "STANDARD"
  publish  = true
  definition = templatefile(each.value, {
    for task in local.tasks[each.key] : replace(task, "-", "_") => module.function[task].arn
  })

  # The state carries ids only, but they need not be in logs either.
  logging_configuration {
    level                  = "ALL"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.workflow[each.key].arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  # Step Functions tries its rights when the machine is made.
  depends_on = [aws_iam_role_policy.workflow]
}

# The prefix keeps the log group out of a resource policy that has a limit of size.
resource "aws_cloudwatch_log_group" "workflow" {
  for_each = local.workflows

  name              = "/aws/vendedlogs/states/${local.prefix}-${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "workflow" {
  for_each = local.workflows

  name = "${local.prefix}-workflow-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "workflow" {
  for_each = local.workflows

  name = "tasks"
  role = aws_iam_role.workflow[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [for task in local.tasks[each.key] : module.function[task].arn]
      },
      {
        # None of these can be limited to a resource.
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
          "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
          "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
        ]
        Resource = ["*"]
      },
    ]
  })
}
