// `results.json` and the raw outputs beside it, rewritten after every case, so that a crash loses
// no finished case.

import Foundation
import PalmCore

/// The results of one run, in memory and in a folder.
public final class ResultStore {
  /// All rows so far.
  public private(set) var results: Results
  /// The folder of `results.json` and `raw/`.
  public let folder: URL
  private var open: Set<RunStage>

  /// An empty store in `folder`; removes an earlier run's results. The results are complete once
  /// each of `stages` is finished.
  ///
  /// Throws `PalmError.invalidConfiguration` if it cannot write there.
  public init(folder: URL, results: Results, stages: [RunStage]) throws {
    self.folder = folder
    self.results = results
    open = Set(stages)
    let manager = FileManager.default
    do {
      try manager.createDirectory(at: folder, withIntermediateDirectories: true)
      let raw = folder.appendingPathComponent("raw")
      if manager.fileExists(atPath: raw.path) {
        try manager.removeItem(at: raw)
      }
    } catch {
      throw cannotWrite(folder, error)
    }
    try write()
  }

  /// Adds rows and writes the file. Returns a document with the added rows alone.
  public func add(_ change: (inout Results) -> Void) throws -> Results {
    var added = results.withoutRows()
    change(&added)
    for model in added.models where !results.models.contains(where: { $0.name == model.name }) {
      results.models.append(model)
    }
    results.parity += added.parity
    results.pipeline += added.pipeline
    results.bench += added.bench
    results.failures += added.failures
    try write()
    return added
  }

  /// Marks a stage as finished.
  public func finish(_ stage: RunStage) throws {
    open.remove(stage)
    if open.isEmpty {
      results.status = .complete
    }
    try write()
  }

  /// Saves values as `raw/<folder>/<case>__<units>__<tensor>.bin`; returns that path.
  public func saveRaw(
    _ values: [Float], folder name: String, case: String, units: Units, tensor: String
  ) throws -> String {
    let path = "raw/\(name)/\(`case`)__\(units.rawValue)__\(tensor).bin"
    let url = folder.appendingPathComponent(path)
    do {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try littleEndianBytes(values).write(to: url)
    } catch {
      throw cannotWrite(url, error)
    }
    return path
  }

  private func write() throws {
    let url = folder.appendingPathComponent("results.json")
    do {
      try results.json(pretty: true).write(to: url, options: .atomic)
    } catch {
      throw cannotWrite(url, error)
    }
  }
}

private func cannotWrite(_ url: URL, _ error: Error) -> PalmError {
  .invalidConfiguration(
    "\(url.path): cannot be written: \(error.localizedDescription); free some storage")
}
