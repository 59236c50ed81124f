using System.Diagnostics;

namespace Kernels.Package.Tests;

/// <summary>The result of a command.</summary>
internal sealed record CommandResult(int ExitCode, string Output);
