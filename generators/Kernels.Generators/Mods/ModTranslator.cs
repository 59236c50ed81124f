using Kernels.Compiler;
using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <summary>
/// Translates a mod, and the methods it calls, from C#'s operation tree (in which every implicit conversion and every constant
/// is explicit) to OpenCL C in the lane vocabulary.
/// </summary>
internal sealed class ModTranslator
{
    private readonly Compilation compilation;
    private readonly CancellationToken cancellation;
    private readonly List<FunctionInstance> instances = [];
    private readonly List<ModFinding> findings = [];
    private readonly HashSet<ISymbol> running = new(SymbolEqualityComparer.Default);
    private bool isValid = true;

    private ModTranslator(ModKind kind, Compilation compilation, CancellationToken cancellation)
    {
        Kind = kind;
        this.compilation = compilation;
        this.cancellation = cancellation;
    }

    public ModKind Kind { get; }

    /// <param name="method">A method whose signature is right.</param>
    /// <param name="kind">The kind of mod.</param>
    /// <param name="inputs">Its inputs, which are the method's last parameters.</param>
    /// <param name="compilation">The compilation that the method is part of.</param>
    /// <param name="cancellation">Ends the translation.</param>
    public static ModTranslation Translate(
        IMethodSymbol method, ModKind kind, EquatableArray<ModInput> inputs, Compilation compilation, CancellationToken cancellation)
    {
        var translator = new ModTranslator(kind, compilation, cancellation);
        bool[] uniform = method.Parameters.Select((_, i) => i >= kind.Parameters.Count).ToArray();
        FunctionInstance? entry = translator.Instance(method, uniform, isGuarded: false, isEntry: true);
        return new(
            entry is not null && translator.isValid
                ? new ModFunction(translator.Assemble(entry), inputs) { Name = method.Name, UsesHead = translator.Uses(method, "head") }
                : null,
            translator.findings);
    }

    /// <summary>A finding, once for each place: a method that is called in several ways is translated as often.</summary>
    public void Report(ModFinding finding)
    {
        isValid = false;
        if (!findings.Any(found => found.Rule == finding.Rule && found.At == finding.At))
        {
            findings.Add(finding);
        }
    }

    /// <summary>Something that the C# compiler rejects, and reports.</summary>
    public void Invalidate() => isValid = false;

    /// <summary>Whether the method is being translated, so that a call of it is a recursion.</summary>
    public bool IsRunning(IMethodSymbol method) => running.Contains(method);

    /// <summary>Whether a method, or one that it calls, reads buffers.</summary>
    public bool Gathers(IMethodSymbol method) => Gathers(method, new HashSet<ISymbol>(SymbolEqualityComparer.Default));

    /// <summary>
    /// The body of a method of the type (of a partial one, its implementing part), or null if it has none that can be read.
    /// </summary>
    public IOperation? Body(IMethodSymbol method)
    {
        if (method.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellation) is not { } syntax)
        {
            return null;
        }

        return compilation.GetSemanticModel(syntax.SyntaxTree).GetOperation(syntax, cancellation) is IMethodBodyOperation body
            ? body.BlockBody ?? body.ExpressionBody
            : null;
    }

    /// <summary>Whether a mod's body names the parameter that stands where the kind has <paramref name="parameter"/>.</summary>
    private bool Uses(IMethodSymbol method, string parameter)
    {
        int ordinal = Kind.Parameters.TakeWhile(candidate => candidate.Name != parameter).Count();
        return Body(method)?.Descendants().Any(found =>
            found is IParameterReferenceOperation { Parameter: { } named }
                && SymbolEqualityComparer.Default.Equals(named, method.Parameters[ordinal])) == true;
    }

    private bool Gathers(IMethodSymbol method, HashSet<ISymbol> seen)
    {
        IMethodSymbol implementation = method.PartialImplementationPart ?? method;
        return seen.Add(implementation) && Body(implementation)?.Descendants().Any(found => found switch
        {
            IPropertyReferenceOperation { Property.IsIndexer: true } => true,
            IInvocationOperation call => SymbolEqualityComparer.Default.Equals(call.TargetMethod.ContainingType, method.ContainingType)
                && Gathers(call.TargetMethod, seen),
            _ => false,
        }) == true;
    }

    /// <summary>
    /// The function that a method becomes for arguments of which some are scalars; null if that is not possible, which is reported.
    /// </summary>
    /// <param name="method">The method.</param>
    /// <param name="uniform">For each parameter, whether its argument is the same in all lanes.</param>
    /// <param name="isGuarded">Whether it is called for some of the lanes only, and takes as its last argument for which.</param>
    /// <param name="isEntry">Whether it is the mod itself.</param>
    public FunctionInstance? Instance(IMethodSymbol method, IReadOnlyList<bool> uniform, bool isGuarded, bool isEntry = false)
    {
        cancellation.ThrowIfCancellationRequested();
        FunctionInstance? instance = instances.FirstOrDefault(candidate =>
            SymbolEqualityComparer.Default.Equals(candidate.Method, method) && candidate.IsGuarded == isGuarded
            && candidate.IsEntry == isEntry && candidate.Uniform.SequenceEqual(uniform));
        if (instance is null)
        {
            instance = new FunctionInstance(instances.Count, method, uniform, isGuarded, isEntry);
            instances.Add(instance);
            running.Add(method);
            new FunctionTranslator(this, instance).Translate();
            running.Remove(method);
        }

        return instance.IsTranslated ? instance : null;
    }

    /// <summary>The helpers and functions that the entry needs, each after what it calls.</summary>
    private string Assemble(FunctionInstance entry)
    {
        var order = new List<FunctionInstance>();
        Visit(entry);
        var names = new LaneNames();
        names.Take(Kind.Prefix);
        foreach (LaneHelper helper in LaneHelper.All)
        {
            names.Take(helper.FullName(Kind.Prefix, isUniform: false));
            names.Take(helper.FullName(Kind.Prefix, isUniform: true));
        }

        var text = new System.Text.StringBuilder();
        foreach (LaneHelper helper in LaneHelper.All)
        {
            foreach (bool isUniform in new[] { false, true })
            {
                if (order.Any(instance => instance.Helpers.Contains((helper, isUniform))))
                {
                    text.Append(helper.Write(Kind.Prefix, isUniform)).Append('\n');
                }
            }
        }

        foreach (FunctionInstance instance in order)
        {
            instance.Name = instance.IsEntry ? Kind.Prefix : names.Take($"{Kind.Prefix}_{LaneNames.Function(instance.Method.Name)}");
        }

        foreach (FunctionInstance instance in order)
        {
            string source = order.Aggregate(instance.Text, (source, other) => source.Replace(other.Placeholder, other.Name));
            text.Append(source).Append(instance.IsEntry ? "" : "\n");
        }

        // C# rounds a product before it is added; kernels may fuse the two, unless told otherwise.
        bool couldFuse = order.Any(instance => instance.HasProduct) && order.Any(instance => instance.HasSum);
        return couldFuse
            ? $"#pragma OPENCL FP_CONTRACT OFF // C# rounds products before it adds them\n\n{text}\n#pragma OPENCL FP_CONTRACT ON\n"
            : text.ToString();

        void Visit(FunctionInstance instance)
        {
            foreach (FunctionInstance callee in instance.Callees)
            {
                Visit(callee);
            }

            if (!order.Contains(instance))
            {
                order.Add(instance);
            }
        }
    }
}
