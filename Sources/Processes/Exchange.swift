import CLinux
import Glibc

/// Lets two entries of one file system change places in one step, so that neither name is ever missing.
///
/// - Returns: 0, or an error number; EINVAL where the file system cannot do it. See renameat2(2).
public func exchange(_ one: String, _ other: String) -> Int32 {
  clinux_exchange(one, other) == 0 ? 0 : errno
}

/// Names the file system of a directory where that is one in which Linux never exchanges two names.
public func fileSystemWithoutExchange(at directory: String) -> String? {
  withoutExchange[clinux_file_system(directory)]
}

/// By the magic number, as in statfs(2).
private let withoutExchange: [Int64: String] = [
  0x6969: "NFS", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB", 0x517B: "SMB", 0x0102_1997: "9P", 0x00C3_6400: "Ceph",
  0x5346_414F: "AFS",
]
