"""Payment gateways: work comes from payments.events, answers go to payments.commands."""
