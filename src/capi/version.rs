//! Chapter: the version.

use std::ffi::c_char;

const fn number(text: &str) -> u32 {
    let mut value = 0;
    let mut index = 0;
    while index < text.len() {
        value = value * 10 + (text.as_bytes()[index] - b'0') as u32;
        index += 1;
    }
    value
}

const VERSION: u32 =
    number(env!("CARGO_PKG_VERSION_MAJOR")) << 24 | number(env!("CARGO_PKG_VERSION_MINOR")) << 12 | number(env!("CARGO_PKG_VERSION_PATCH"));

const VERSION_TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The version of the library that is linked: major in bits 24 to 31, minor in bits 12 to 23, patch in bits 0 to 11. A
/// larger number is a later version. Cannot fail. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_version() -> u32 {
    VERSION
}

/// The version of the library that is linked as a text: "0.1.0". The text is static: never free it. Cannot fail. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_version_string() -> *const c_char {
    VERSION_TEXT.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_text_agree() {
        let version = tenon_version();
        // SAFETY: a static text.
        let text = unsafe { std::ffi::CStr::from_ptr(tenon_version_string()) }.to_str().unwrap();
        assert_eq!(text, format!("{}.{}.{}", version >> 24, version >> 12 & 0xfff, version & 0xfff));
    }
}
