import CYAML

/// How large a text may be.
public struct Limits: Sendable {
  /// The bytes of the text.
  public var bytes = 1 << 20
  /// How deep values may be nested.
  var depth = 64
  /// How many values there may be once every alias is replaced by what it refers to.
  var nodes = 200_000

  /// Starts from the defaults: 1 MiB, 64 levels, 200,000 values.
  public init() {}
}

/// Parses a YAML text into its documents; an empty text has none.
///
/// Aliases are resolved, merge keys are kept for `Node.entry`. A key that stands twice in a mapping is an error, as it is
/// for Compose. See yaml_parser_parse in libyaml.
public func parse(_ bytes: [UInt8], limits: Limits = Limits()) throws(YAMLError) -> [Node] {
  guard bytes.count <= limits.bytes else {
    throw YAMLError(
      kind: .tooLarge, message: "the text has \(bytes.count) bytes; at most \(limits.bytes) are read", mark: nil)
  }
  var result: Result<[Node], YAMLError> = .success([])
  bytes.withUnsafeBufferPointer { buffer in
    var parser = EventParser(buffer, limits: limits)
    defer { parser.end() }
    do throws(YAMLError) {
      result = .success(try parser.documents())
    } catch {
      result = .failure(error)
    }
  }
  return try result.get()
}

/// Builds nodes from libyaml's events.
private struct EventParser {
  private var parser = yaml_parser_t()
  private let text: UnsafeBufferPointer<UInt8>
  private let limits: Limits
  private var anchors: [String: (node: Node, size: Int)] = [:]
  private var size = 0

  init(_ text: UnsafeBufferPointer<UInt8>, limits: Limits) {
    self.text = text
    self.limits = limits
    yaml_parser_initialize(&parser)
  }

  mutating func end() { yaml_parser_delete(&parser) }

  mutating func documents() throws(YAMLError) -> [Node] {
    yaml_parser_set_input_string(&parser, text.baseAddress, text.count)
    var documents: [Node] = []
    while true {
      let event = try next()
      switch event.kind {
      case YAML_STREAM_END_EVENT: return documents
      case YAML_DOCUMENT_START_EVENT:
        anchors = [:]
        documents.append(try node(at: try next(), depth: 0))
      default: break
      }
    }
  }

  private mutating func node(at event: Event, depth: Int) throws(YAMLError) -> Node {
    let before = size
    size += 1
    guard depth <= limits.depth else {
      throw YAMLError(kind: .tooLarge, message: "values are nested deeper than \(limits.depth)", mark: event.start)
    }
    if event.kind == YAML_ALIAS_EVENT { return try alias(event) }
    let content: Content
    switch event.kind {
    case YAML_SEQUENCE_START_EVENT:
      var elements: [Node] = []
      var next = try self.next()
      while next.kind != YAML_SEQUENCE_END_EVENT {
        elements.append(try node(at: next, depth: depth + 1))
        next = try self.next()
      }
      content = .sequence(elements)
    case YAML_MAPPING_START_EVENT:
      content = .mapping(try entries(depth: depth))
    default:
      content = .scalar(event.text, plain: event.plain)
    }
    let node = Node(content, tag: event.tag, start: event.start)
    try checkSize(event.start)
    if let anchor = event.anchor { anchors[anchor] = (node, size - before) }
    return node
  }

  private mutating func entries(depth: Int) throws(YAMLError) -> [Entry] {
    var entries: [Entry] = []
    var seen: [String: Mark] = [:]
    var next = try self.next()
    while next.kind != YAML_MAPPING_END_EVENT {
      let key = try node(at: next, depth: depth + 1)
      let value = try node(at: try self.next(), depth: depth + 1)
      if let text = key.string {
        if let first = seen[text] {
          throw YAMLError(
            kind: .duplicateKey, message: "duplicate key \(text), first on line \(first.line)", mark: key.start)
        }
        seen[text] = key.start
      }
      entries.append(Entry(key: key, value: value))
      next = try self.next()
    }
    return entries
  }

  private mutating func alias(_ event: Event) throws(YAMLError) -> Node {
    guard let name = event.anchor, let target = anchors[name] else {
      throw YAMLError(
        kind: .unknownAlias, message: "the alias *\(event.anchor ?? "") names no anchor above it", mark: event.start)
    }
    size += target.size
    try checkSize(event.start)
    return Node(target.node.content, tag: target.node.tag, start: event.start)
  }

  private func checkSize(_ mark: Mark) throws(YAMLError) {
    if size > limits.nodes {
      throw YAMLError(
        kind: .tooLarge, message: "there are more than \(limits.nodes) values, counting what aliases repeat", mark: mark
      )
    }
  }

  private mutating func next() throws(YAMLError) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(&parser, &event) == 1 else { throw failure() }
    defer { yaml_event_delete(&event) }
    return Event(event)
  }

  private func failure() -> YAMLError {
    let problem = parser.problem.map { String(cString: $0) } ?? "not readable as YAML"
    if parser.error == YAML_READER_ERROR {
      return YAMLError(
        kind: .encoding, message: "not UTF-8 text: \(problem)", mark: mark(atByte: parser.problem_offset))
    }
    let context = parser.context.map { String(cString: $0) + ": " } ?? ""
    return YAMLError(kind: .syntax, message: context + problem, mark: Mark(parser.problem_mark))
  }

  private func mark(atByte offset: Int) -> Mark {
    var line = 1
    var column = 1
    for byte in text.prefix(max(0, offset)) {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xc0 != 0x80 {
        column += 1
      }
    }
    return Mark(line: line, column: column)
  }
}

/// What is needed of one of libyaml's events, after its memory was given back.
private struct Event {
  let kind: yaml_event_type_e
  let start: Mark
  var anchor: String?
  var tag: String?
  var text = ""
  var plain = false

  init(_ event: yaml_event_t) {
    kind = event.type
    start = Mark(event.start_mark)
    switch event.type {
    case YAML_ALIAS_EVENT: anchor = string(event.data.alias.anchor)
    case YAML_SEQUENCE_START_EVENT:
      anchor = string(event.data.sequence_start.anchor)
      tag = string(event.data.sequence_start.tag)
    case YAML_MAPPING_START_EVENT:
      anchor = string(event.data.mapping_start.anchor)
      tag = string(event.data.mapping_start.tag)
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      anchor = string(scalar.anchor)
      tag = string(scalar.tag)
      text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      plain = scalar.style == YAML_PLAIN_SCALAR_STYLE
    default: break
    }
  }
}

private func string(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
  bytes.map { String(cString: $0) }
}

extension Mark {
  fileprivate init(_ mark: yaml_mark_t) { self.init(line: mark.line + 1, column: mark.column + 1) }
}
