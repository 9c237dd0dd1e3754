import CLinux
import Glibc

/// Lets two entries of one file system change places in one step, so that neither name is ever missing.
///
/// - Returns: 0, or an error number; EINVAL where the file system cannot do it. See renameat2(2).
public func exchange(_ one: String, _ other: String) -> Int32 {
  clinux_exchange(one, other) == 0 ? 0 : errno
}
