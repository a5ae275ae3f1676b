//! How YAML 1.2's core schema reads a scalar that is written without quotes.

use super::node::Value;

/// Reads a plain scalar. `no`, `on`, `1:2` and `1_000` are text, as in Compose.
#[must_use]
pub fn read(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => read_number(text)
            .unwrap_or_else(|| Value::String { text: text.to_owned(), plain: true }),
    }
}

/// Reads a number; `None` when the text is not one.
#[must_use]
pub fn read_number(text: &str) -> Option<Value> {
    let int = |value| Value::Int { value, text: text.to_owned() };
    let float = |value| Value::Float { value, text: text.to_owned() };
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            return valid.then(|| i64::from_str_radix(digits, radix).ok().map(int)).flatten();
        }
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => {
            let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
            return Some(float(f64::INFINITY * sign));
        }
        ".nan" | ".NaN" | ".NAN" => return (unsigned == text).then(|| float(f64::NAN)),
        _ => {}
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|c| c.is_ascii_digit()) {
        // What does not fit is still a number, and its text is kept.
        return text.parse().map(int).or_else(|_| text.parse().map(float)).ok();
    }
    is_decimal(unsigned).then(|| text.parse().ok().map(float)).flatten()
}

/// `.5`, `1.`, `1.5`, `1e3`, `1.5e-3`.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_is_valid = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent_is_valid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let int = |value, text: &str| Value::Int { value, text: text.to_owned() };
        let float = |value, text: &str| Value::Float { value, text: text.to_owned() };
        for (text, expected) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("NULL", Value::Null),
            ("true", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("0", int(0, "0")),
            ("-5", int(-5, "-5")),
            ("+5", int(5, "+5")),
            ("010", int(10, "010")),
            ("0o444", int(0o444, "0o444")),
            ("0xFF", int(255, "0xFF")),
            ("99999999999999999999", float(1e20, "99999999999999999999")),
            ("1.10", float(1.1, "1.10")),
            (".5", float(0.5, ".5")),
            ("1.", float(1.0, "1.")),
            ("1e3", float(1000.0, "1e3")),
            ("-1.5E-1", float(-0.15, "-1.5E-1")),
            ("-.inf", float(f64::NEG_INFINITY, "-.inf")),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_another_type_is_text() {
        for text in [
            "no", "on", "yes", "y", "nULL", "1:2", "80:80", "1_000", "0x", "0xG", "0o8", "0b1",
            "-", "+", ".", "e5", "1e", "1e+", "1.2.3", "--5", "+-5", "inf", "nan", "-.nan", "5s",
            "0x-1", "1.5.", "v1",
        ] {
            assert_eq!(read(text), Value::String { text: text.to_owned(), plain: true }, "{text}");
        }
    }
}
