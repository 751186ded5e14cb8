//! Gives the shared library its SONAME: the name that programs linked against it ask for at run time. The number
//! changes only if the C ABI breaks.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libtenon.so.0");
    }
}
