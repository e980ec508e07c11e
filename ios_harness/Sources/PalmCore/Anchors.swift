// Anchors of the single-shot palm detector, computed from the size of each head's map.
//
// Cells run row by row from the top left, with all anchors of a cell together; every palm detector
// has w = h = 1, so an anchor is its centre. Source:
// mediapipe/calculators/tflite/ssd_anchors_calculator.cc (fixed_anchor_size, offset 0.5).

/// One map of the detector and its number of anchors per cell.
public struct AnchorMap: Equatable, Sendable, Codable {
  /// Rows of cells.
  public var rows: Int
  /// Cells in a row.
  public var columns: Int
  /// Anchors of one cell.
  public var anchorsPerCell: Int

  /// A map of `rows` × `columns` cells.
  public init(rows: Int, columns: Int, anchorsPerCell: Int) {
    self.rows = rows
    self.columns = columns
    self.anchorsPerCell = anchorsPerCell
  }
}

/// The maximum number of anchors; the largest known detector has 2944.
public let mostAnchors = 1 << 22

/// The centres x, y of all anchors, normalised to the input, in the order of the maps.
///
/// Throws ``PalmError/invalidModel(_:)`` if there is no map, or if one is empty or too large.
public func anchorCenters(of maps: [AnchorMap]) throws -> [SIMD2<Float>] {
  var count = 0
  for map in maps {
    guard (1...4096).contains(map.rows), (1...4096).contains(map.columns),
      (1...64).contains(map.anchorsPerCell)
    else { throw noAnchors(maps) }
    count += map.rows * map.columns * map.anchorsPerCell
  }
  guard (1...mostAnchors).contains(count) else { throw noAnchors(maps) }
  var centers: [SIMD2<Float>] = []
  centers.reserveCapacity(count)
  for map in maps {
    for row in 0..<map.rows {
      let y = (Float(row) + 0.5) / Float(map.rows)
      for column in 0..<map.columns {
        let center = SIMD2((Float(column) + 0.5) / Float(map.columns), y)
        for _ in 0..<map.anchorsPerCell {
          centers.append(center)
        }
      }
    }
  }
  return centers
}

/// The maps of a detector whose layers have these strides: layers with the same stride share a map,
/// and each adds two anchors per cell (aspect ratio 1 and the interpolated scale).
///
/// Throws ``PalmError/invalidModel(_:)`` for a stride below 1.
public func anchorMaps(input: ImageSize, strides: [Int]) throws -> [AnchorMap] {
  var maps: [AnchorMap] = []
  var last: Int?
  for stride in strides {
    guard stride >= 1 else {
      throw PalmError.invalidModel("a detector layer has stride \(stride); expected 1 or more")
    }
    if stride == last {
      maps[maps.count - 1].anchorsPerCell += 2
    } else {
      let rows = (input.height + stride - 1) / stride
      let columns = (input.width + stride - 1) / stride
      maps.append(AnchorMap(rows: rows, columns: columns, anchorsPerCell: 2))
    }
    last = stride
  }
  return maps
}

private func noAnchors(_ maps: [AnchorMap]) -> PalmError {
  let sizes = maps.map { "\($0.rows)×\($0.columns)×\($0.anchorsPerCell)" }
  return .invalidModel(
    "the detector's maps are [\(sizes.joined(separator: ", "))]; expected sizes and counts of at "
      + "least 1 and at most \(mostAnchors) anchors in total")
}
