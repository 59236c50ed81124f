namespace Kernels.Decoding;

/// <summary>What a template can call.</summary>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Invoke">What it does.</param>
internal sealed record JinjaFunction(string Name, Func<JinjaRun, JinjaArguments, object?> Invoke);
