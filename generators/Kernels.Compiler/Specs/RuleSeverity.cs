namespace Kernels.Compiler.Specs;

internal enum RuleSeverity
{
    Error,
    Warning,

    /// <summary>Nothing is wrong, and something could be left out; an editor fades it.</summary>
    Info,

    /// <summary>Nothing is wrong; off until it is asked for.</summary>
    OnRequest,
}
