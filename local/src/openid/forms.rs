//! The first form of a page, and the encoding in which forms are sent.

/// Enough of HTML for a provider's own pages: attributes in double quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    pub(super) fn read(page: &str) -> Option<Self> {
        let (_, from) = page.split_once("<form")?;
        let (form, _) = from.split_once("</form>")?;
        let action = attribute(form.split('>').next()?, "action")?;
        let fields = form
            .split("<input")
            .skip(1)
            .filter_map(|input| input.split('>').next())
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value"))))
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect();
        Some(Self { action, fields })
    }

    /// Fills a field in, if the form has it.
    pub(super) fn fill(&mut self, name: &str, value: &str) {
        if let Some(field) = self.fields.iter_mut().find(|(field, _)| field == name) {
            value.clone_into(&mut field.1);
        }
    }

    pub(super) fn encoded(&self) -> String {
        let fields: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        encode(&fields)
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, from) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = from.split_once('"')?;
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

pub(super) fn encode(fields: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| format!("{}={}", escape(name), escape(value));
    fields.iter().map(one).collect::<Vec<_>>().join("&")
}

/// One parameter of an address.
pub(super) fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).and_then(|(_, value)| unescape(value))
}

fn escape(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match first {
            b'%' => {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, after.get(2..)?)
            }
            b'+' => (b' ', after),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_filled_and_encoded() {
        let page = r#"<p><form autocomplete="off" action="/go?a=1&amp;b=2" method="post">
            <input type="hidden" name="prompt" value="login"/>
            <input required type="text" name="login" placeholder="x">
            <button>go</button></form>"#;
        let mut form = Form::read(page).unwrap();
        form.fill("login", "ada@example.test");
        form.fill("password", "there is no such field");
        assert_eq!(form.action, "/go?a=1&b=2");
        assert_eq!(form.encoded(), "prompt=login&login=ada%40example.test");
        assert_eq!(Form::read("<p>no form</p>"), None);
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let value = "a b&c=d/é%";
        let url = format!("http://x/?{}", encode(&[("first", "1"), ("second", value)]));
        assert_eq!(parameter(&url, "second").as_deref(), Some(value));
        assert_eq!(parameter(&url, "third"), None);
        assert_eq!(parameter("http://x/?a=%f", "a"), None);
    }
}
