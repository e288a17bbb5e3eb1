# The issuer's event stream: a partner event source of EventBridge, once somebody has accepted it in
# the issuer's dashboard, becomes a bus whose events go to the queue that provisioning-events reads.
locals {
  event_sources = toset([for source in [var.event_source] : source if source != ""])
}

resource "aws_cloudwatch_event_bus" "issuer" {
  for_each = local.event_sources

  name              = each.value
  event_source_name = each.value
}

resource "aws_cloudwatch_event_rule" "issuer" {
  for_each = local.event_sources

  name           = "${local.prefix}-directory-events"
  event_bus_name = aws_cloudwatch_event_bus.issuer[each.value].name
  event_pattern  = jsonencode({ source = [each.value] })
}

resource "aws_cloudwatch_event_target" "issuer" {
  for_each = local.event_sources

  rule           = aws_cloudwatch_event_rule.issuer[each.value].name
  event_bus_name = aws_cloudwatch_event_bus.issuer[each.value].name
  arn            = aws_sqs_queue.work["provisioning-events"].arn
}

# Only that rule writes to the queue.
resource "aws_sqs_queue_policy" "issuer" {
  for_each = local.event_sources

  queue_url = aws_sqs_queue.work["provisioning-events"].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sqs:SendMessage"
      Principal = { Service = "events.amazonaws.com" }
      Resource  = aws_sqs_queue.work["provisioning-events"].arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.issuer[each.value].arn } }
    }]
  })
}
