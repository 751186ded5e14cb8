//! Which thread runs. `std::thread::current` allocates on first use and leaves a destructor with every thread of the host
//! that called in, which would keep the library from being unloaded; the address of a thread's own byte does neither.

thread_local! {
    static MARK: u8 = const { 0 };
}

/// Tells the threads that live at the same time apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadMark(usize);

impl ThreadMark {
    /// The calling thread's. Allocates nothing.
    pub fn current() -> ThreadMark {
        ThreadMark(MARK.with(|mark| std::ptr::from_ref(mark).addr()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_marks_of_their_own() {
        let mine = ThreadMark::current();
        assert_eq!(mine, ThreadMark::current());
        let others = std::thread::scope(|scope| scope.spawn(ThreadMark::current).join().unwrap());
        assert_ne!(mine, others);
    }
}
