// Compiles each package once and keeps it at a fixed path, because the system caches what it
// specialises for a device by the compiled model's path.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore

  /// A folder of compiled models.
  public struct ModelStore: Sendable {
    /// The folder.
    public let folder: URL

    /// A compiled model and its compile time.
    public struct Compiled: Equatable, Sendable {
      /// The `.mlmodelc`.
      public var url: URL
      /// Milliseconds of compiling; nil if it was already compiled.
      public var compileMs: Double?
    }

    /// A store in `folder`; by default in Application Support, which persists between launches.
    ///
    /// Throws `PalmError.invalidModel` if the folder cannot be created.
    public init(folder: URL? = nil) throws {
      let manager = FileManager.default
      do {
        self.folder =
          try folder
          ?? manager.url(
            for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil,
            create: true
          ).appendingPathComponent("blazepalm/models", isDirectory: true)
        try manager.createDirectory(at: self.folder, withIntermediateDirectories: true)
      } catch {
        throw PalmError.invalidModel(
          "cannot create the folder for compiled models: \(describe(error)); free some storage")
      }
    }

    /// The compiled model of a package. `key` distinguishes its versions and is best its SHA-256;
    /// `again` forces recompilation. A `.mlmodelc` is used unchanged.
    ///
    /// Throws `PalmError.invalidModel` if the package is missing or cannot be
    /// compiled.
    public func compiled(
      _ package: URL, key: String, again: Bool = false
    ) async throws -> Compiled {
      if package.pathExtension == "mlmodelc" {
        return Compiled(url: package, compileMs: nil)
      }
      let manager = FileManager.default
      let name = package.deletingPathExtension().lastPathComponent
      guard manager.fileExists(atPath: package.path) else {
        throw PalmError.invalidModel(
          "\(package.path): no such package; run `blazepalm golden export-ios` and build again")
      }
      let home = folder.appendingPathComponent("\(name)-\(key.prefix(16))", isDirectory: true)
      let target = home.appendingPathComponent("\(name).mlmodelc", isDirectory: true)
      if !again, manager.fileExists(atPath: target.path) {
        return Compiled(url: target, compileMs: nil)
      }
      do {
        let clock = ContinuousClock()
        let start = clock.now
        let compiled = try await MLModel.compileModel(at: package)
        let elapsed = start.duration(to: clock.now)
        try manager.createDirectory(at: home, withIntermediateDirectories: true)
        if manager.fileExists(atPath: target.path) {
          try manager.removeItem(at: target)
        }
        try manager.moveItem(at: compiled, to: target)
        return Compiled(url: target, compileMs: elapsed.milliseconds)
      } catch {
        throw PalmError.invalidModel(
          "\(name): cannot be compiled: \(describe(error)); it needs iOS 16 or later and some free "
            + "storage")
      }
    }
  }

  extension Duration {
    /// The duration in milliseconds.
    public var milliseconds: Double {
      let (seconds, attoseconds) = components
      return Double(seconds) * 1e3 + Double(attoseconds) / 1e15
    }

    /// The duration in nanoseconds, 0 if negative.
    public var nanoseconds: UInt64 {
      let (seconds, attoseconds) = components
      return UInt64(max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
    }
  }
#endif
