using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <content>Calls.</content>
internal sealed partial class FunctionTranslator
{
    private LaneValue? Call(IInvocationOperation call, Mask? mask)
    {
        IMethodSymbol target = call.TargetMethod;
        if (target is { IsStatic: true, MethodKind: MethodKind.Ordinary }
            && SymbolEqualityComparer.Default.Equals(target.ContainingType, Type))
        {
            return CallOwn(call, target.PartialImplementationPart ?? target, mask);
        }

        if (call.Instance is { } receiver && IsRefused(receiver))
        {
            return Missing();
        }

        if (target.MethodKind == MethodKind.LocalFunction)
        {
            Report(ModRules.Construct, call.Syntax, $"{target.Name}, a local function,", $"make it a static method of {Type.Name}");
            return null;
        }

        if (!LaneMath.Find(target, out LaneMath.Translation? translation))
        {
            RefuseMethod(call);
            return null;
        }

        var values = new LaneValue?[target.Parameters.Length];
        var constants = new object?[target.Parameters.Length];
        foreach (IArgumentOperation argument in call.Arguments)
        {
            int at = argument.Parameter!.Ordinal;
            constants[at] = argument.Value.ConstantValue is { HasValue: true, Value: { } constant } ? constant : null;
            values[at] = KindOf(argument.Parameter.Type) is null ? null : Expression(argument.Value, mask);
            if (values[at] is null && KindOf(argument.Parameter.Type) is not null)
            {
                return null;
            }
        }

        if (translation(this, new(values, constants)) is { } result)
        {
            return result;
        }

        RefuseMethod(call);
        return null;
    }

    /// <summary>A call of a static method of the same type.</summary>
    private LaneValue? CallOwn(IInvocationOperation call, IMethodSymbol target, Mask? mask)
    {
        if (target.IsGenericMethod)
        {
            Report(ModRules.Method, call.Syntax, $"{target.Name}, a generic method,", "write it for the type that you need");
            return null;
        }

        if (mod.IsRunning(target))
        {
            Report(ModRules.Recursion, call.Syntax, target.Name);
            return null;
        }

        if (HasReferences(call))
        {
            Refuse(call);
            return null;
        }

        var texts = new string[target.Parameters.Length];
        var values = new LaneValue?[target.Parameters.Length];
        var uniform = Enumerable.Repeat(true, target.Parameters.Length).ToArray();
        bool isComplete = true;
        foreach (IArgumentOperation argument in call.Arguments)
        {
            int at = argument.Parameter!.Ordinal;
            if (BufferOf(argument.Parameter.Type) is not null)
            {
                if (argument.Value is IParameterReferenceOperation { Parameter: { } buffer }
                    && variables.TryGetValue(buffer, out Variable? variable))
                {
                    texts[at] = variable.Name;
                }
                else
                {
                    Report(ModRules.Construct, argument.Value.Syntax,
                        $"{argument.Value.Syntax} as an argument", "pass a parameter that is a span");
                    isComplete = false;
                }
            }
            else if (KindOf(argument.Parameter.Type) is null)
            {
                // Refused at the parameter, when the method is translated.
                texts[at] = "";
            }
            else if (Expression(argument.Value, mask) is { } value)
            {
                values[at] = value;
                uniform[at] = value.IsUniform;
            }
            else
            {
                isComplete = false;
            }
        }

        if (!isComplete)
        {
            return null;
        }

        bool isGuarded = mask is not null && mod.Gathers(target);
        if (mod.Instance(target, uniform, isGuarded) is not { } function)
        {
            isValid = false;
            return null;
        }

        instance.Callees.Add(function);
        for (int i = 0; i < values.Length; i++)
        {
            texts[i] = values[i]?.Text ?? texts[i];
        }

        IEnumerable<string> arguments = isGuarded ? texts.Append(mask!.Condition.Text) : texts;
        return new(
            $"{function.Placeholder}({string.Join(", ", arguments)})",
            Binding.Primary, KindOf(target.ReturnType)!.Value, function.ReturnsUniform);
    }
}
