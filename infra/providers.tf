# Nothing here says "local": with AWS_ENDPOINT_URL in its environment the provider talks to an
# emulator instead of AWS, with the same code.
provider "aws" {
  region = var.region

  default_tags {
    tags = { product = "cadre", stage = var.stage }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  prefix    = "cadre-${var.stage}"
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
}
