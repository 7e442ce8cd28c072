package kustoingest

import (
	"context"
	"fmt"
	"reflect"
	"time"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	scopesType  = reflect.TypeFor[[]string]()
	textType    = reflect.TypeFor[string]()
	timeType    = reflect.TypeFor[time.Time]()
)

// asGetToken is what a program gives as its credential, as one function. Why it cannot be used is an error.
func asGetToken(credential any) (getToken, error) {
	switch known := credential.(type) {
	case nil:
		return nil, invalidArgument("credential", "must not be nil")
	case func(context.Context, TokenRequest) (AccessToken, error):
		if known == nil {
			return nil, invalidArgument("credential", "must not be nil")
		}
		return known, nil
	}
	value := reflect.ValueOf(credential)
	if wanted := reflect.TypeFor[getToken](); value.Type().ConvertibleTo(wanted) {
		if value.IsNil() {
			return nil, invalidArgument("credential", "must not be nil")
		}
		return value.Convert(wanted).Interface().(getToken), nil
	}
	if value.Kind() == reflect.Pointer && value.IsNil() {
		return nil, invalidArgument("credential", "must not be nil")
	}
	method := value.MethodByName("GetToken")
	if !method.IsValid() || !isGetToken(method.Type()) {
		return nil, invalidArgument("credential", fmt.Sprintf(
			"%T is neither an azcore.TokenCredential nor a func(context.Context, TokenRequest) (AccessToken, error)", credential))
	}
	return func(ctx context.Context, request TokenRequest) (AccessToken, error) {
		return askAzure(ctx, method, request)
	}, nil
}

// isGetToken tells the method of azcore.TokenCredential by the members that are used here: azcore itself would
// bring its dependencies to every program.
func isGetToken(method reflect.Type) bool {
	if method.IsVariadic() || method.NumIn() != 2 || method.NumOut() != 2 {
		return false
	}
	asked, given := method.In(1), method.Out(0)
	return method.In(0) == contextType && method.Out(1) == errorType &&
		asked.Kind() == reflect.Struct && hasMember(asked, "Scopes", scopesType) &&
		given.Kind() == reflect.Struct && hasMember(given, "Token", textType) && hasMember(given, "ExpiresOn", timeType)
}

func hasMember(structure reflect.Type, name string, wanted reflect.Type) bool {
	member, found := structure.FieldByName(name)
	return found && member.Type == wanted
}

func askAzure(ctx context.Context, method reflect.Value, request TokenRequest) (AccessToken, error) {
	options := reflect.New(method.Type().In(1)).Elem()
	options.FieldByName("Scopes").Set(reflect.ValueOf([]string{request.Scope}))
	if tenant := options.FieldByName("TenantID"); tenant.IsValid() && tenant.Type() == textType {
		tenant.SetString(request.Tenant)
	}
	answer := method.Call([]reflect.Value{reflect.ValueOf(ctx), options})
	if err, failed := answer[1].Interface().(error); failed {
		return AccessToken{}, err
	}
	token := answer[0]
	return AccessToken{
		Token:     token.FieldByName("Token").String(),
		ExpiresOn: token.FieldByName("ExpiresOn").Interface().(time.Time),
	}, nil
}
