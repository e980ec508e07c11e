// The rows of `results.json`: parity, pipeline, benchmark.

/// One output of one model for one case on some compute units.
public struct ParityRow: Codable, Equatable, Sendable {
  /// The model's name.
  public var model: String
  /// The record's name.
  public var `case`: String
  /// `cpuOnly`, `cpuAndGPU`, `cpuAndNeuralEngine` or `all`.
  public var units: String
  /// The output's name.
  public var tensor: String
  /// The number of values compared.
  public var n: Int
  /// The largest absolute difference from the recorded value; null if no pair was finite.
  @OrNull public var maxAbs: Double?
  /// The number of values that are not finite.
  public var nanCount: Int
  /// The path of the output as little-endian float32, relative to the results.
  public var rawFile: String

  /// One row.
  public init(
    model: String, case: String, units: String, tensor: String, n: Int, maxAbs: Double?,
    nanCount: Int, rawFile: String
  ) {
    self.model = model
    self.case = `case`
    self.units = units
    self.tensor = tensor
    self.n = n
    _maxAbs = OrNull(wrappedValue: maxAbs)
    self.nanCount = nanCount
    self.rawFile = rawFile
  }
}

/// The hands of one picture on some compute units.
public struct PipelineRow: Codable, Equatable, Sendable {
  /// The case's name.
  public var `case`: String
  /// The compute units.
  public var units: String
  /// The number of hands expected.
  public var expected: Int
  /// The number of hands found.
  public var found: Int
  /// The lowest overlap of the rectangles round a pair's landmarks; null without a pair.
  @OrNull public var boxIouMin: Double?
  /// The largest distance of a pair's landmarks in x or y, normalised; null without a pair.
  @OrNull public var landmarkErrorMax: Double?

  /// One row.
  public init(case: String, units: String, comparison: HandComparison) {
    self.case = `case`
    self.units = units
    expected = comparison.expected
    found = comparison.found
    _boxIouMin = OrNull(wrappedValue: comparison.boxIoUMinimum)
    _landmarkErrorMax = OrNull(wrappedValue: comparison.landmarkErrorMaximum)
  }
}

/// The speed of one model on some compute units.
public struct BenchRow: Codable, Equatable, Sendable {
  /// The model's name.
  public var model: String
  /// The compute units.
  public var units: String
  /// The number of warm-up predictions, which are not counted.
  public var warmup: Int
  /// Nanoseconds of each prediction, in chronological order.
  public var samplesNs: [UInt64]
  /// The median in milliseconds.
  @OrNull public var p50Ms: Double?
  /// The 90th percentile in milliseconds.
  @OrNull public var p90Ms: Double?
  /// The 95th percentile in milliseconds.
  @OrNull public var p95Ms: Double?
  /// The 99th percentile in milliseconds.
  @OrNull public var p99Ms: Double?
  /// Milliseconds of the first prediction after loading.
  @OrNull public var firstMs: Double?
  /// Milliseconds of compiling and loading.
  public var load: LoadTimes
  /// Bytes of memory.
  public var memory: MemoryFootprint
  /// Heat.
  public var thermal: ThermalRecord
  /// The share of operations on each unit; null if the system does not report it.
  public var plan: PlanShares?

  /// One row; the percentiles are computed from the samples.
  public init(
    model: String, units: String, warmup: Int, samplesNs: [UInt64], firstMs: Double?,
    load: LoadTimes, memory: MemoryFootprint, thermal: ThermalRecord, plan: PlanShares?
  ) {
    self.model = model
    self.units = units
    self.warmup = warmup
    self.samplesNs = samplesNs
    let values = samplesNs.map { milliseconds($0) }
    _p50Ms = OrNull(wrappedValue: percentile(values, 50))
    _p90Ms = OrNull(wrappedValue: percentile(values, 90))
    _p95Ms = OrNull(wrappedValue: percentile(values, 95))
    _p99Ms = OrNull(wrappedValue: percentile(values, 99))
    _firstMs = OrNull(wrappedValue: firstMs)
    self.load = load
    self.memory = memory
    self.thermal = thermal
    self.plan = plan
  }

  enum CodingKeys: CodingKey {
    case model, units, warmup, samplesNs, p50Ms, p90Ms, p95Ms, p99Ms, firstMs, load, memory
    case thermal, plan
  }

  /// Writes every key; an unknown plan is null.
  public func encode(to encoder: Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(model, forKey: .model)
    try container.encode(units, forKey: .units)
    try container.encode(warmup, forKey: .warmup)
    try container.encode(samplesNs, forKey: .samplesNs)
    try container.encode(_p50Ms, forKey: .p50Ms)
    try container.encode(_p90Ms, forKey: .p90Ms)
    try container.encode(_p95Ms, forKey: .p95Ms)
    try container.encode(_p99Ms, forKey: .p99Ms)
    try container.encode(_firstMs, forKey: .firstMs)
    try container.encode(load, forKey: .load)
    try container.encode(memory, forKey: .memory)
    try container.encode(thermal, forKey: .thermal)
    try container.encode(plan, forKey: .plan)
  }
}

/// Milliseconds of compiling and loading.
public struct LoadTimes: Codable, Equatable, Sendable {
  /// From package to compiled model.
  @OrNull public var compileMs: Double?
  /// The first load of the compiled model, when the system may have to specialise it.
  @OrNull public var coldMs: Double?
  /// Further loads.
  public var warmMs: [Double]

  /// Times of one model.
  public init(compileMs: Double?, coldMs: Double?, warmMs: [Double]) {
    _compileMs = OrNull(wrappedValue: compileMs)
    _coldMs = OrNull(wrappedValue: coldMs)
    self.warmMs = warmMs
  }
}

/// The app's memory in bytes.
public struct MemoryFootprint: Codable, Equatable, Sendable {
  /// Before the model was loaded.
  public var before: UInt64
  /// After loading.
  public var loaded: UInt64
  /// The peak while it ran.
  public var peak: UInt64

  /// Three readings.
  public init(before: UInt64, loaded: UInt64, peak: UInt64) {
    self.before = before
    self.loaded = loaded
    self.peak = peak
  }
}

/// Heat over one benchmark.
public struct ThermalRecord: Codable, Equatable, Sendable {
  /// The state when measuring began, after any wait: `nominal`, `fair`, `serious`, `critical` or `unknown`.
  public var start: String
  /// The state afterwards.
  public var end: String
  /// Waits for the device to cool, then changes of state.
  public var events: [ThermalEvent]

  /// One record.
  public init(start: String, end: String, events: [ThermalEvent]) {
    self.start = start
    self.end = end
    self.events = events
  }
}

/// A change of the thermal state, or a wait.
public struct ThermalEvent: Codable, Equatable, Sendable {
  /// Seconds since the benchmark of this row began.
  public var atS: Double
  /// The new state, or `cooling` if the benchmark waited.
  public var state: String

  /// One event.
  public init(atS: Double, state: String) {
    self.atS = atS
    self.state = state
  }
}

/// The share of operations for which Core ML prefers each unit, 0…1.
public struct PlanShares: Codable, Equatable, Sendable {
  /// On the Neural Engine.
  public var ane: Double
  /// On the GPU.
  public var gpu: Double
  /// On the CPU.
  public var cpu: Double

  /// Three shares.
  public init(ane: Double, gpu: Double, cpu: Double) {
    self.ane = ane
    self.gpu = gpu
    self.cpu = cpu
  }
}
