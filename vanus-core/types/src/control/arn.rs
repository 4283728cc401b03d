//! The name of a function of AWS Lambda.

use std::str::FromStr;

/// `arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME`, and perhaps `:QUALIFIER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LambdaArn {
    /// The whole of it.
    pub text: String,
    /// The part of the cloud, such as `aws` or `aws-cn`.
    pub partition: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
}

impl LambdaArn {
    /// The host name that functions of this region are called at.
    #[must_use]
    pub fn host(&self) -> String {
        let suffix = match self.partition.as_str() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        format!("lambda.{}.{suffix}", self.region)
    }
}

impl FromStr for LambdaArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad =
            "is no ARN of a function, such as arn:aws:lambda:eu-west-1:123456789012:function:name";
        let parts: Vec<&str> = text.split(':').collect();
        let (partition, region, account, name, qualifier) = match parts.as_slice() {
            [
                "arn",
                partition,
                "lambda",
                region,
                account,
                "function",
                name,
            ] => (partition, region, account, name, "1"),
            [
                "arn",
                partition,
                "lambda",
                region,
                account,
                "function",
                name,
                qualifier,
            ] => (partition, region, account, name, *qualifier),
            _ => return Err(bad),
        };
        let word = |text: &str, most: usize, also: &[u8]| {
            let good = |b: u8| b.is_ascii_alphanumeric() || also.contains(&b);
            (1..=most).contains(&text.len()) && text.bytes().all(good)
        };
        let lower = |text: &str| !text.bytes().any(|b| b.is_ascii_uppercase());
        let account_good = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let good = matches!(*partition, "aws" | "aws-cn" | "aws-us-gov")
            && word(region, 32, b"-")
            && lower(region)
            && account_good
            && word(name, 64, b"-_")
            && word(qualifier, 128, b"-_$");
        if !good {
            return Err(bad);
        }
        Ok(Self {
            text: text.to_owned(),
            partition: (*partition).to_owned(),
            region: (*region).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_read_from_the_name() {
        let arn: LambdaArn = "arn:aws:lambda:eu-west-1:123456789012:function:my_f-1:$LATEST"
            .parse()
            .unwrap();
        assert_eq!(
            (arn.region.as_str(), arn.host()),
            ("eu-west-1", "lambda.eu-west-1.amazonaws.com".into())
        );
        let arn: LambdaArn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:f"
            .parse()
            .unwrap();
        assert_eq!(arn.host(), "lambda.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn what_names_no_function_is_refused() {
        for bad in [
            "",
            "arn:aws:lambda:eu-west-1:123456789012:function",
            "arn:aws:lambda:eu-west-1:123456789012:function:",
            "arn:aws:lambda:eu-west-1:12345678901:function:f",
            "arn:aws:lambda:evil.example#:123456789012:function:f",
            "arn:aws:lambda::123456789012:function:f",
            "arn:aws:s3:eu-west-1:123456789012:function:f",
            "arn:other:lambda:eu-west-1:123456789012:function:f",
            "arn:aws:lambda:eu-west-1:123456789012:function:f/../g",
            "arn:aws:lambda:eu-west-1:123456789012:function:f:1:2",
            "https://example.com/",
        ] {
            assert!(bad.parse::<LambdaArn>().is_err(), "{bad}");
        }
    }
}
